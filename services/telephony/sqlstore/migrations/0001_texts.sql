-- +goose Up

-- The ledger of incoming texts. A text is here before Twilio gets its answer.
CREATE TABLE text_in (
    seq             IDENTITY_KEY,               -- the order in which texts were accepted
    message_sid     text   NOT NULL UNIQUE,
    lane            text   NOT NULL,            -- hotline and supporter
    hotline         text   NOT NULL,
    supporter       text   NOT NULL,
    body            text   NOT NULL,
    media           text   NOT NULL,            -- JSON: [{"url","content_type"}]
    trace           text   NOT NULL,
    received_at     bigint NOT NULL,
    state           text   NOT NULL,            -- pending, done, refused, unrouted, dead
    attempts        bigint NOT NULL DEFAULT 0,
    conversation_id bigint NOT NULL DEFAULT 0,
    reason          text   NOT NULL DEFAULT '', -- why it was refused or is dead
    done_at         bigint
);
CREATE INDEX text_in_pending ON text_in (lane, seq) WHERE state = 'pending';
CREATE INDEX text_in_unrouted ON text_in (hotline) WHERE state = 'unrouted';

-- The files of incoming texts, to be attached after their text is in the ticket.
CREATE TABLE media_in (
    key          text   PRIMARY KEY,            -- message_sid and number of the file
    seq          bigint NOT NULL,
    lane         text   NOT NULL,
    message_sid  text   NOT NULL,
    hotline      text   NOT NULL,
    supporter    text   NOT NULL,
    url          text   NOT NULL,
    content_type text   NOT NULL,
    trace        text   NOT NULL,
    received_at  bigint NOT NULL,
    state        text   NOT NULL,               -- pending, done, refused
    attempts     bigint NOT NULL DEFAULT 0,
    reason       text   NOT NULL DEFAULT ''
);
CREATE INDEX media_in_pending ON media_in (lane, seq, key) WHERE state = 'pending';

-- The ledger of outgoing texts.
CREATE TABLE text_out (
    seq         IDENTITY_KEY,
    key         text   NOT NULL UNIQUE,         -- the effect's name, from outside
    lane        text   NOT NULL,
    hotline     text   NOT NULL,
    supporter   text   NOT NULL,
    body        text   NOT NULL,
    trace       text   NOT NULL,
    created_at  bigint NOT NULL,
    state       text   NOT NULL,                -- queued, sending, accepted, sent, delivered, failed, unknown
    message_sid text   NOT NULL DEFAULT '',
    error_code  bigint NOT NULL DEFAULT 0,
    told        boolean NOT NULL DEFAULT TRUE   -- FALSE: the ticket must still be told what became of it
);
CREATE INDEX text_out_open ON text_out (lane, seq) WHERE state IN ('queued', 'sending') OR NOT told;

-- Each try to hand an outgoing text to the carrier. Its id is in the status callback's path.
CREATE TABLE attempt (
    id          text   PRIMARY KEY,
    text_key    text   NOT NULL,
    started_at  bigint NOT NULL,
    asked_at    bigint NOT NULL DEFAULT 0,      -- when the carrier was first asked about an unclear one
    looks       bigint NOT NULL DEFAULT 0,      -- how often it said that it does not have it
    message_sid text   NOT NULL DEFAULT '',
    outcome     text   NOT NULL                 -- open, accepted, refused, absent, unknown
);
CREATE INDEX attempt_text ON attempt (text_key);
CREATE INDEX attempt_sid ON attempt (message_sid) WHERE message_sid <> '';
