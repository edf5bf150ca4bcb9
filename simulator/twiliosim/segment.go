package twiliosim

import (
	"strings"
	"unicode/utf16"
)

// The GSM-7 alphabet, and what costs two places in it: 3GPP TS 23.038, section 6.2.1.
const (
	gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsm7Extension = "\f^{}\\[~]|€"
)

// segments counts the parts that a text is sent in. See https://www.twilio.com/docs/glossary/what-sms-character-limit.
func segments(body string) int {
	length := 0
	for _, c := range body {
		switch {
		case strings.ContainsRune(gsm7, c):
			length++
		case strings.ContainsRune(gsm7Extension, c):
			length += 2
		default:
			return parts(len(utf16.Encode([]rune(body))), 70, 67)
		}
	}
	return parts(length, 160, 153)
}

func parts(length, single, part int) int {
	if length <= single {
		return 1
	}
	return (length + part - 1) / part
}
