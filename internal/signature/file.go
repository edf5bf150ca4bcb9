package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// FileIDBytes is how many bytes a file's id has.
const FileIDBytes = 12

// fileMACBytes is how much of the MAC is in the address, which supporters may have to pay for by the character.
const fileMACBytes = 16

// File returns the last part of a file's address: its id, when the address stops to work, and what proves that we made
// it. id is FileIDBytes in base64url.
func File(secret, id string, expires time.Time) string {
	b, _ := base64.RawURLEncoding.DecodeString(id)
	b = binary.BigEndian.AppendUint32(b, uint32(expires.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, fileMAC(secret, b)...))
}

// VerifyFile returns the id in a file's address, if it was made with one of the secrets and still works.
func VerifyFile(secrets []string, address string, now time.Time) (id string, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(address)
	if err != nil || len(b) != FileIDBytes+4+fileMACBytes {
		return "", false
	}
	signed, mac := b[:FileIDBytes+4], b[FileIDBytes+4:]
	for _, secret := range secrets {
		if secret != "" && hmac.Equal(fileMAC(secret, signed), mac) {
			ok = true
		}
	}
	if !ok || now.Unix() >= int64(binary.BigEndian.Uint32(signed[FileIDBytes:])) {
		return "", false
	}
	return base64.RawURLEncoding.EncodeToString(signed[:FileIDBytes]), true
}

// fileMAC uses a key of its own, lest what we sign here could stand for something else.
func fileMAC(secret string, signed []byte) []byte {
	key := hmac.New(sha256.New, []byte(secret))
	key.Write([]byte("bling file"))
	mac := hmac.New(sha256.New, key.Sum(nil))
	mac.Write(signed)
	return mac.Sum(nil)[:fileMACBytes]
}
