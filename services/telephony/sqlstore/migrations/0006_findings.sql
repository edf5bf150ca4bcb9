-- +goose Up

-- What the service's own checks found when they last ran (internal/check). All rows are replaced each time.
CREATE TABLE finding (
    n       bigint PRIMARY KEY,     -- their order
    checked text   NOT NULL,        -- the check's name
    name    text   NOT NULL,        -- what was looked at: the check's name, or more exact
    level   bigint NOT NULL,        -- 0 ok, 1 warning, 2 failure
    says    text   NOT NULL,
    fix     text   NOT NULL,
    since   bigint NOT NULL,        -- since when the level and what it says are these
    at      bigint NOT NULL         -- when it was last found
);
