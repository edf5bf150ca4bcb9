-- +goose Up

-- What the carrier gets are messages; a text that is too long for one is sent as several.
ALTER TABLE text_out RENAME TO message_out;
DROP INDEX text_out_open;
ALTER TABLE message_out ADD COLUMN text_key text NOT NULL DEFAULT '';    -- the text that it is a part of
ALTER TABLE message_out ADD COLUMN part bigint NOT NULL DEFAULT 1;       -- which one, from 1
ALTER TABLE message_out ADD COLUMN media text NOT NULL DEFAULT '[]';     -- JSON: addresses of the files that go with it
ALTER TABLE message_out ADD COLUMN segments bigint NOT NULL DEFAULT 1;   -- how many the carrier will count
ALTER TABLE message_out ADD COLUMN not_before bigint NOT NULL DEFAULT 0; -- its turn at the number's pace; 0: not given yet
ALTER TABLE message_out ADD COLUMN refused text NOT NULL DEFAULT '';     -- why the carrier was not asked
UPDATE message_out SET text_key = key;
CREATE INDEX message_out_open ON message_out (lane, seq) WHERE state IN ('queued', 'sending');
CREATE INDEX message_out_text ON message_out (text_key, part);
ALTER TABLE attempt RENAME COLUMN text_key TO message_key;

-- The ledger of outgoing texts, and of what the ticket was told about them.
CREATE TABLE text_out (
    key             text    PRIMARY KEY,                -- the effect's name, from outside
    lane            text    NOT NULL,
    hotline         text    NOT NULL,
    supporter       text    NOT NULL,
    kind            text    NOT NULL,                   -- agent, auto, confirm, other
    conversation_id bigint  NOT NULL DEFAULT 0,         -- where its notes go; 0: the supporter's
    body            text    NOT NULL,
    remark          text    NOT NULL DEFAULT '',        -- what the note says besides
    trace           text    NOT NULL,
    created_at      bigint  NOT NULL,
    state           text    NOT NULL,                   -- that of its messages taken together
    patient_until   bigint  NOT NULL DEFAULT 0,         -- when the ticket is told that nothing is known yet; 0: never
    tell            boolean NOT NULL DEFAULT FALSE,     -- the ticket must be told
    telling         text    NOT NULL DEFAULT '',        -- what it is being told
    notes           bigint  NOT NULL DEFAULT 0          -- how many notes there are
);
INSERT INTO text_out (key, lane, hotline, supporter, kind, body, trace, created_at, state, tell)
    SELECT key, lane, hotline, supporter, 'other', body, trace, created_at, state, NOT told FROM message_out;
ALTER TABLE message_out DROP COLUMN told;
CREATE INDEX text_out_lane ON text_out (lane, created_at);
CREATE INDEX text_out_tell ON text_out (lane) WHERE tell;
CREATE INDEX text_out_patient ON text_out (patient_until) WHERE patient_until > 0;

-- When a hotline's number may send again, at its own pace.
CREATE TABLE pace (
    hotline text   PRIMARY KEY,
    free_at bigint NOT NULL
);

-- The files of outgoing texts, for as long as their addresses work.
CREATE TABLE file_out (
    key        text   PRIMARY KEY,                      -- its name, from outside
    id         text   NOT NULL UNIQUE,                  -- its name in the address
    name       text   NOT NULL,
    mime_type  text   NOT NULL,
    data       bytea  NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX file_out_expires ON file_out (expires_at);

-- Who does not want texts from a hotline.
CREATE TABLE opt_out (
    hotline   text    NOT NULL,
    supporter text    NOT NULL,
    opted_out boolean NOT NULL,
    at        bigint  NOT NULL,
    source    text    NOT NULL,                         -- how we know: MessageSid, or the carrier's error
    PRIMARY KEY (hotline, supporter)
);
ALTER TABLE text_in ADD COLUMN opt text NOT NULL DEFAULT ''; -- what the text changed: out, in, or nothing

-- Who is kept out.
CREATE TABLE block (
    number     text   NOT NULL,
    hotline    text   NOT NULL,                         -- empty: all of them
    reason     text   NOT NULL,
    blocked_by text   NOT NULL,
    created_at bigint NOT NULL,
    until      bigint NOT NULL,                         -- 0: for good
    PRIMARY KEY (number, hotline)
);
CREATE INDEX text_in_lane ON text_in (lane, received_at);
