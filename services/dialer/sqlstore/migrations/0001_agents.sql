-- +goose Up

-- Who is set up to call back. Numbers are sealed; what they are found by is a keyed hash.
CREATE TABLE agent (
    user_id     bigint PRIMARY KEY,             -- in Help Scout
    name        text   NOT NULL,
    phone       bytea  NOT NULL,                -- sealed
    phone_index text   NOT NULL UNIQUE,
    enrolled_at bigint NOT NULL
);

-- In which mailboxes they have proved that they work.
CREATE TABLE membership (
    user_id    bigint NOT NULL,
    mailbox_id bigint NOT NULL,
    proven_at  bigint NOT NULL,
    PRIMARY KEY (user_id, mailbox_id)
);

-- Who is signed in. The cookie's value is not here, only its hash.
CREATE TABLE session (
    hash       text   PRIMARY KEY,
    user_id    bigint NOT NULL,
    created_at bigint NOT NULL,
    seen_at    bigint NOT NULL
);
CREATE INDEX session_agent ON session (user_id);

-- Codes that were asked for, also those that nobody got: they count for the limits.
CREATE TABLE code (
    id              text    PRIMARY KEY,
    purpose         text    NOT NULL,           -- enrol, sign-in, phone
    user_id         bigint  NOT NULL,           -- 0: nobody has the number
    name            text    NOT NULL,
    mailbox_id      bigint  NOT NULL,
    conversation_id bigint  NOT NULL,
    phone           bytea   NOT NULL,           -- sealed
    phone_index     text    NOT NULL,
    ending          text    NOT NULL,           -- of the number
    note_hash       text    NOT NULL,           -- empty: there is no code in a note
    text_hash       text    NOT NULL,
    source          text    NOT NULL,
    tries           bigint  NOT NULL DEFAULT 0,
    used            boolean NOT NULL DEFAULT FALSE,
    created_at      bigint  NOT NULL
);
CREATE INDEX code_created ON code (created_at);

-- What those who ask for codes queue for, so that limits are exact: one row.
CREATE TABLE turn (
    id bigint PRIMARY KEY,
    n  bigint NOT NULL
);

-- Whose calls are whose. How they stand is telephony's to say.
CREATE TABLE call (
    key             text    PRIMARY KEY,
    user_id         bigint  NOT NULL,
    conversation_id bigint  NOT NULL,
    started_at      bigint  NOT NULL,
    over            boolean NOT NULL DEFAULT FALSE
);
CREATE INDEX call_open ON call (user_id, started_at) WHERE NOT over;

-- What agents did or tried. Nothing of it is changed.
CREATE TABLE audit (
    seq             IDENTITY_KEY,
    at              bigint NOT NULL,
    user_id         bigint NOT NULL,
    name            text   NOT NULL,
    action          text   NOT NULL,
    conversation_id bigint NOT NULL,
    detail          text   NOT NULL,
    source          text   NOT NULL
);
CREATE INDEX audit_user ON audit (user_id, seq);
