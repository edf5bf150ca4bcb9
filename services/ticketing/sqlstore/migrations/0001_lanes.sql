-- +goose Up

-- One supporter in one mailbox, and the conversation that the next entry goes to.
CREATE TABLE lane (
    id              text    PRIMARY KEY,            -- mailbox and contact address
    mailbox_id      bigint  NOT NULL,
    conversation_id bigint  NOT NULL DEFAULT 0,     -- 0: none
    threads         bigint  NOT NULL DEFAULT 0,     -- how many the conversation has at least
    known           boolean NOT NULL DEFAULT FALSE, -- there was a conversation before
    searched        boolean NOT NULL DEFAULT FALSE, -- Help Scout was asked for one that is older than this table
    changes         bigint  NOT NULL DEFAULT 0,     -- how often Help Scout said that the conversation changed
    seen            bigint  NOT NULL DEFAULT 0,     -- how many of those we have looked at since
    lease           text    NOT NULL DEFAULT '',    -- who works on the lane
    lease_until     bigint  NOT NULL DEFAULT 0
);
CREATE INDEX lane_conversation ON lane (conversation_id) WHERE conversation_id <> 0;

-- The ledger of what is put into conversations. An entry is posting from before the request until the result is known.
CREATE TABLE entry (
    seq             IDENTITY_KEY,
    key             text    NOT NULL UNIQUE,        -- the effect's name, from outside
    lane            text    NOT NULL,
    kind            text    NOT NULL,               -- text, note, attachment
    state           text    NOT NULL,               -- pending, posting, done, refused, dead
    body            text    NOT NULL DEFAULT '',    -- notes only; whoever records a text keeps it
    conversation_id bigint  NOT NULL DEFAULT 0,     -- where it is, or is being put; 0: a new one, or the lane's
    thread_id       bigint  NOT NULL DEFAULT 0,
    first_contact   boolean NOT NULL DEFAULT FALSE,
    opened_at       bigint  NOT NULL DEFAULT 0,     -- when the attempt began
    unclear_at      bigint  NOT NULL DEFAULT 0,     -- when its answer was lost
    attempts        bigint  NOT NULL DEFAULT 0,
    reason          text    NOT NULL DEFAULT '',
    trace           text    NOT NULL DEFAULT '',
    created_at      bigint  NOT NULL
);
CREATE INDEX entry_note_pending ON entry (lane, seq) WHERE kind = 'note' AND state IN ('pending', 'posting');
CREATE INDEX entry_thread ON entry (thread_id) WHERE thread_id <> 0;
CREATE INDEX entry_conversation ON entry (conversation_id) WHERE conversation_id <> 0;

-- Help Scout's webhooks as they were delivered, once each.
CREATE TABLE event (
    seq         IDENTITY_KEY,
    hash        text   NOT NULL UNIQUE,             -- of name and body
    name        text   NOT NULL,
    mailbox_id  bigint NOT NULL,
    body        bytea  NOT NULL,
    received_at bigint NOT NULL
);

-- The account's budget: one row, and what was spent in the last minute.
CREATE TABLE budget (
    id            bigint PRIMARY KEY,
    allowed       bigint NOT NULL,                  -- units per minute; 0: not known
    others        bigint NOT NULL,                  -- units that others of the account spent lately
    others_at     bigint NOT NULL,
    blocked_until bigint NOT NULL
);
INSERT INTO budget (id, allowed, others, others_at, blocked_until) VALUES (1, 0, 0, 0, 0);
CREATE TABLE spend (
    seq   IDENTITY_KEY,
    at    bigint NOT NULL,
    units bigint NOT NULL
);
CREATE INDEX spend_at ON spend (at);
