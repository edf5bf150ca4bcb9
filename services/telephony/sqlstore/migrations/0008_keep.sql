-- +goose Up

-- What must be deleted some day, here and at the carrier (hotline.Keep). A row whose lane is empty is somebody's who was erased: it has nothing of
-- them any more, and keeps what is told late from being taken for new, until it is eight days old.
ALTER TABLE text_in ADD COLUMN files_deleted boolean NOT NULL DEFAULT FALSE;        -- at the carrier
ALTER TABLE message_out ADD COLUMN files_deleted boolean NOT NULL DEFAULT FALSE;
ALTER TABLE text_out ADD COLUMN words boolean NOT NULL DEFAULT TRUE;                -- they are not forgotten yet

CREATE INDEX text_in_words ON text_in (hotline, received_at) WHERE body <> '' AND state IN ('done', 'refused');
CREATE INDEX text_out_words ON text_out (hotline, created_at) WHERE words;
CREATE INDEX text_in_files ON text_in (hotline, received_at) WHERE media <> 'null' AND media <> '[]' AND NOT files_deleted;
CREATE INDEX message_out_files ON message_out (hotline, created_at) WHERE media <> '[]' AND NOT files_deleted;

CREATE INDEX text_in_erased ON text_in (received_at) WHERE lane = '';
CREATE INDEX text_out_erased ON text_out (created_at) WHERE lane = '';
CREATE INDEX call_in_erased ON call_in (began_at) WHERE lane = '';
CREATE INDEX call_back_erased ON call_back (created_at) WHERE lane = '';
CREATE INDEX voicemail_erased ON voicemail (recorded_at) WHERE lane = '';

CREATE INDEX media_in_text ON media_in (message_sid);
CREATE INDEX voicemail_ending ON voicemail (substr(supporter, length(supporter) - 3), recorded_at);
CREATE INDEX voicemail_at ON voicemail (recorded_at, hotline);
