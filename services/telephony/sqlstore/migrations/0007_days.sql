-- +goose Up

-- What the carrier's lists say of what came in.
ALTER TABLE text_in ADD COLUMN listed boolean NOT NULL DEFAULT FALSE;   -- it is in the list
ALTER TABLE text_in ADD COLUMN found_at bigint NOT NULL DEFAULT 0;      -- when it was found there, if nobody had told us of it
ALTER TABLE call_in ADD COLUMN listed boolean NOT NULL DEFAULT FALSE;
ALTER TABLE call_in ADD COLUMN found_at bigint NOT NULL DEFAULT 0;

-- When the carrier is asked next how a message stands that it has told us nothing more of.
ALTER TABLE message_out ADD COLUMN ask_at bigint NOT NULL DEFAULT 0;
CREATE INDEX message_out_day ON message_out (created_at);

-- The books: what there was of a kind, at one hotline on one day.
CREATE TABLE day (
    date        text    NOT NULL,                       -- by UTC: 2026-11-28
    hotline     text    NOT NULL,
    kind        text    NOT NULL,                       -- text_in, text_out, call, voicemail
    received    bigint  NOT NULL,
    delivered   bigint  NOT NULL,
    recovered   bigint  NOT NULL,
    missing     bigint  NOT NULL,
    doubled     bigint  NOT NULL,
    compared_at bigint  NOT NULL,                       -- with the carrier's list, to the end; 0: never
    said        boolean NOT NULL DEFAULT FALSE,         -- in the log, when the day was over
    PRIMARY KEY (date, hotline, kind)
);

-- What was sent twice.
CREATE TABLE doubled (
    id      text   PRIMARY KEY,                         -- the second one's MessageSid
    kind    text   NOT NULL,
    hotline text   NOT NULL,
    at      bigint NOT NULL
);
