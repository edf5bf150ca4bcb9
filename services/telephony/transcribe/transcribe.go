// Package transcribe makes words of voicemails by a speech-to-text server that speaks OpenAI's protocol: POST to
// /v1/audio/transcriptions, as whisper.cpp's server, faster-whisper servers, LocalAI and OpenAI itself do. See
// https://platform.openai.com/docs/api-reference/audio/createTranscription.
package transcribe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/telemetry"
)

// Engine is a speech-to-text server.
type Engine struct {
	address, model, key string
	http                *http.Client
}

// New returns the engine at base, such as http://whisper:8000. model is the name that the server knows its model by; key is
// its secret, or empty.
func New(base, model, key string) (*Engine, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("reading the engine's address: %w", err)
	}
	return &Engine{
		address: u.JoinPath("v1", "audio", "transcriptions").String(), model: model, key: key,
		http: &http.Client{Transport: telemetry.Transport(http.DefaultTransport), Timeout: 5 * time.Minute},
	}, nil
}

// Transcribe returns the words of a recording; none if nothing was said. language is as in BCP 47, and only a hint.
func (e *Engine) Transcribe(ctx context.Context, audio []byte, fileName, language string) (string, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", fileName)
	if err != nil {
		return "", err
	}
	file.Write(audio) //nolint:errcheck // a buffer takes everything, here and below
	main, _, _ := strings.Cut(language, "-")
	for _, field := range [][2]string{{"model", e.model}, {"language", main}, {"response_format", "json"}} {
		form.WriteField(field[0], field[1]) //nolint:errcheck // see above
	}
	form.Close() //nolint:errcheck // see above
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, e.address, &body)
	if err != nil {
		return "", err
	}
	q.Header.Set("Content-Type", form.FormDataContentType())
	if e.key != "" {
		q.Header.Set("Authorization", "Bearer "+e.key)
	}
	res, err := e.http.Do(q)
	if err != nil {
		return "", telemetry.WithoutURL(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the engine answers %s", res.Status)
	}
	var answer struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&answer); err != nil {
		return "", fmt.Errorf("reading the engine's answer: %w", err)
	}
	return strings.TrimSpace(answer.Text), nil
}
