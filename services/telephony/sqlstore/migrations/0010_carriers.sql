-- +goose Up

-- Who carried it, as in hotline.Transport: a hotline may go to another carrier at any time, and what was in hand at the one before stays there.
ALTER TABLE attempt ADD COLUMN carrier text NOT NULL DEFAULT 'twilio';
ALTER TABLE text_in ADD COLUMN carrier text NOT NULL DEFAULT 'twilio';
