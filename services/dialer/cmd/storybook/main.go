// Command storybook shows every state of every page of the dialer at http://127.0.0.1:8090, for those who work on their
// look. It is for development only, and nothing on its pages works: no form leads anywhere.
package main

import (
	"fmt"
	"html"
	"log"
	"net/http"

	"github.com/bling-hotline/bling/services/dialer/pages"
)

const (
	addr   = "127.0.0.1:8090"
	policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; img-src 'self' data:"
)

func main() {
	mux := http.NewServeMux()
	mux.Handle("GET /dialer/static/", pages.Assets())
	// The page of a call opens a stream of events. This one stays open and has none, so that the page stays as it is.
	mux.HandleFunc("GET /dialer/calls/{id}/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><html lang=en><title>Storybook</title><h1>Storybook</h1><ul>")
		for _, s := range pages.Stories() {
			fmt.Fprintf(w, `<li><a href="/%[1]s">%[1]s</a>`, html.EscapeString(s.Name))
		}
	})
	for _, s := range pages.Stories() {
		mux.HandleFunc("GET /"+s.Name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if err := pages.Render(w, s.Page); err != nil {
				log.Print(err)
			}
		})
	}
	log.Printf("storybook: http://%s", addr)
	log.Fatal(http.ListenAndServe(addr, mux))
}
