-- +goose Up

-- What was brought in from before the hotline was ours.
ALTER TABLE text_in ADD COLUMN loaded boolean NOT NULL DEFAULT FALSE;
CREATE INDEX text_in_loaded ON text_in (seq) WHERE loaded AND state = 'pending';
