-- +goose Up

-- Who may use the switchboard.
CREATE TABLE operator (
    name       text   PRIMARY KEY,              -- in small letters
    role       text   NOT NULL,                 -- viewer, operator
    password   text   NOT NULL DEFAULT '',      -- hashed; empty: none was chosen yet
    invited_at bigint NOT NULL,
    seen_at    bigint NOT NULL DEFAULT 0        -- 0: never
);

-- Links with which somebody chooses a password. The link is not here, only its hash.
CREATE TABLE invitation (
    name       text   PRIMARY KEY,
    hash       text   NOT NULL UNIQUE,
    created_at bigint NOT NULL
);

-- Who is signed in. The cookie's value is not here, only its hash.
CREATE TABLE session (
    hash       text   PRIMARY KEY,
    name       text   NOT NULL,
    created_at bigint NOT NULL,
    seen_at    bigint NOT NULL
);
CREATE INDEX session_name ON session (name);

-- Attempts to sign in that count for the limits. What was typed as a name may be a password, so it is a hash.
CREATE TABLE attempt (
    seq       IDENTITY_KEY,
    name_hash text   NOT NULL,
    source    text   NOT NULL,
    at        bigint NOT NULL
);
CREATE INDEX attempt_at ON attempt (at);

-- What those who try to sign in queue for, so that limits are exact: one row.
CREATE TABLE turn (
    id bigint PRIMARY KEY,
    n  bigint NOT NULL
);

-- What operators did or tried. An entry is written before the thing is done, and gets its outcome after it; nothing else of it is
-- changed.
CREATE TABLE audit (
    seq     IDENTITY_KEY,
    at      bigint NOT NULL,
    who     text   NOT NULL,
    action  text   NOT NULL,
    subject text   NOT NULL,
    detail  text   NOT NULL,
    source  text   NOT NULL,
    outcome text   NOT NULL                     -- empty: it is under way, or was cut off
);
