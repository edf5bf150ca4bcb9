package twiliosim

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// twiml is what the answer of an inbound message's webhook asks for.
// See https://www.twilio.com/docs/messaging/twiml.
type twiml struct {
	replies  []outgoing // from and to may be empty: back to the sender
	redirect string     // ask this URL what to do next
}

// twiml turns a successful answer into what it asks for. A text/plain answer is a text to the sender.
func (a answer) twiml() (twiml, *failure) {
	if len(a.body) == 0 {
		return twiml{}, nil
	}
	switch a.contentType {
	case "text/plain":
		return twiml{replies: []outgoing{{body: string(a.body)}}}, nil
	case "text/xml", "application/xml", "text/html":
		return parseTwiML(a.body, a.url)
	}
	return twiml{}, &failure{code: 12300, text: fmt.Sprintf("the answer has the content type %q", a.contentType)}
}

// node is an element of a document.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []node     `xml:",any"`
}

// parseTwiML reads a document that came from base. A document that cannot be parsed is 12100; what messaging does not
// know is 12200, which Twilio warns of and skips, and the simulator refuses.
func parseTwiML(body []byte, base string) (twiml, *failure) {
	root, err := parseXML(body)
	if err != nil {
		return twiml{}, &failure{code: 12100, text: "the answer is no TwiML: " + err.Error()}
	}
	var t twiml
	for _, verb := range root.Children {
		switch {
		case t.redirect != "": // never reached by Twilio
		case verb.XMLName.Local == "Message":
			err = t.message(verb, base)
		case verb.XMLName.Local == "Redirect":
			t.redirect, err = resolve(base, strings.TrimSpace(verb.Text))
		default:
			err = fmt.Errorf("there is no verb <%s> in messaging", verb.XMLName.Local)
		}
		if err != nil {
			return twiml{}, &failure{code: 12200, text: err.Error()}
		}
	}
	return t, nil
}

func parseXML(body []byte) (node, error) {
	var root node
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] != body[0] && bytes.HasPrefix(trimmed, []byte("<?xml")) {
		return root, errors.New("there is white space before the XML declaration")
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&root); err != nil {
		return root, err
	}
	if root.XMLName.Local != "Response" {
		return root, fmt.Errorf("its root is <%s>, not <Response>", root.XMLName.Local)
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			return root, err
		}
		if text, ok := token.(xml.CharData); !ok || len(bytes.TrimSpace(text)) > 0 {
			return root, errors.New("something follows </Response>")
		}
	}
}

// message adds a <Message>. See https://www.twilio.com/docs/messaging/twiml/message.
func (t *twiml) message(verb node, base string) error {
	reply := outgoing{body: strings.TrimSpace(verb.Text)}
	for _, attr := range verb.Attrs {
		var err error
		switch attr.Name.Local {
		case "to":
			reply.to = attr.Value
		case "from":
			reply.from = attr.Value
		case "statusCallback":
			reply.callback, err = resolve(base, attr.Value)
		default:
			err = fmt.Errorf("the attribute %s of <Message> is not simulated", attr.Name.Local)
		}
		if err != nil {
			return err
		}
	}
	for _, child := range verb.Children {
		switch child.XMLName.Local {
		case "Body":
			reply.body += child.Text
		case "Media":
			address, err := resolve(base, strings.TrimSpace(child.Text))
			if err != nil {
				return err
			}
			reply.media = append(reply.media, address)
		default:
			return fmt.Errorf("there is no <%s> in <Message>", child.XMLName.Local)
		}
	}
	t.replies = append(t.replies, reply)
	return nil
}

func resolve(base, ref string) (string, error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	u, err := b.Parse(ref)
	if err != nil {
		return "", fmt.Errorf("%q is no URL", ref)
	}
	return u.String(), nil
}
