-- +goose Up

-- How far the adoption of a mailbox's conversations is, which are looked at from the newest to the oldest.
CREATE TABLE adoption (
    mailbox_id bigint  PRIMARY KEY,
    started_at bigint  NOT NULL,            -- those created later are not looked at
    since      bigint  NOT NULL,            -- nor are those created before; 0: all are
    till       bigint  NOT NULL,            -- those created after it are looked at
    page       bigint  NOT NULL,            -- the next one of those created until then
    total      bigint  NOT NULL,            -- how many there were when it began
    remaining  bigint  NOT NULL,            -- how many there are still
    adopted    bigint  NOT NULL,
    known      bigint  NOT NULL,            -- their supporter has another one
    unclear    bigint  NOT NULL,            -- their address does not tell the number
    strangers  bigint  NOT NULL,            -- no supporter's
    done       boolean NOT NULL
);

-- When the newest conversation of the lane was created of which adoption knows; 0: none. The lane has it, unless it was deleted, or we have
-- gone on elsewhere.
ALTER TABLE lane ADD COLUMN adopted bigint NOT NULL DEFAULT 0;
CREATE INDEX lane_adopted ON lane (adopted) WHERE adopted > 0;
