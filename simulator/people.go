package simulator

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/story"
)

// peopleOfTwilio are the numbers in a request, but for the hotline's.
func (s *Simulator) peopleOfTwilio(x story.Exchange) (people []string) {
	form, _ := url.ParseQuery(string(x.Sent))
	for _, name := range []string{"From", "To"} {
		if number := form.Get(name); number != "" && number != Hotline {
			people = append(people, number)
		}
	}
	return people
}

var conversationPath = regexp.MustCompile(`^/v2/conversations/(\d+)`)

var firstID = regexp.MustCompile(`^\{"id":(\d+)`)

// peopleOfHelpScout is whoever the conversation is with that a request or a webhook is about.
func (s *Simulator) peopleOfHelpScout(x story.Exchange) []string {
	id := x.AnswerHeader.Get("Resource-ID") // of one that was opened
	if found := conversationPath.FindStringSubmatch(x.Request.URL.Path); found != nil {
		id = found[1]
	} else if strings.HasPrefix(x.Request.Header.Get("X-HelpScout-Event"), "convo.") {
		// The body may have been cut off, but begins with it.
		if found := firstID.FindSubmatch(x.Sent); found != nil {
			id = string(found[1])
		}
	}
	number, _ := strconv.ParseInt(id, 10, 64)
	c, found := s.HelpScout.Conversation(number)
	if !found || c.Customer == nil {
		return nil
	}
	return numbersOf(*c.Customer)
}

// numbersOf are the phone numbers of a customer, in E.164.
func numbersOf(c helpscoutsim.Customer) (numbers []string) {
	for _, p := range c.Phones {
		if id := phone.Parse(p.Value); id.Kind == phone.Full {
			numbers = append(numbers, string(id.Number))
		}
	}
	return numbers
}
