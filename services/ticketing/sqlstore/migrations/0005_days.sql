-- +goose Up

-- The agents' replies that Help Scout's lists have, of the last days.
CREATE TABLE reply_listed (
    thread_id  bigint PRIMARY KEY,
    hotline    text   NOT NULL,                         -- the first number of the mailbox's
    written_at bigint NOT NULL,
    found_at   bigint NOT NULL DEFAULT 0                -- when it was found there, if nobody had told us of it
);
CREATE INDEX reply_listed_day ON reply_listed (written_at);

-- From when on something is to be looked for that nobody tells us.
CREATE TABLE looked (
    what text   PRIMARY KEY,
    till bigint NOT NULL
);

-- The books: what there was of a kind, at one hotline on one day.
CREATE TABLE day (
    date        text    NOT NULL,                       -- by UTC: 2026-11-28
    hotline     text    NOT NULL,
    kind        text    NOT NULL,                       -- reply; text_in, of which only what is doubled is known here
    received    bigint  NOT NULL,
    delivered   bigint  NOT NULL,
    recovered   bigint  NOT NULL,
    missing     bigint  NOT NULL,
    doubled     bigint  NOT NULL,
    compared_at bigint  NOT NULL,                       -- with Help Scout's list, to the end; 0: never
    said        boolean NOT NULL DEFAULT FALSE,         -- in the log, when the day was over
    PRIMARY KEY (date, hotline, kind)
);

-- What is in a ticket twice.
CREATE TABLE doubled (
    id      text   PRIMARY KEY,                         -- the second one's thread
    kind    text   NOT NULL,
    hotline text   NOT NULL,
    at      bigint NOT NULL
);
