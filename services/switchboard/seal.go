package switchboard

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
)

// What is sealed: numbers, and what was searched for, in addresses and forms. It is good for nothing in a browser's history or in a log,
// and not in another session either: the key is made of the cookie, of which we keep the hash only.
const (
	sealedPerson = "person"
	sealedBlock  = "block"
	sealedItem   = "item"
	sealedQuery  = "query"
)

func sealer(secret string) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "bling switchboard", 32)
	if err != nil {
		panic(err) // the length is right
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is right
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block size that it needs
	}
	return aead
}

// seal returns text so that only the same session can open it, for the same purpose.
func (me session) seal(purpose, text string) string {
	return base64.RawURLEncoding.EncodeToString(me.aead.Seal(nil, nil, []byte(text), []byte(purpose)))
}

// open returns what was sealed.
func (me session) open(purpose, sealed string) (text string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", false
	}
	plain, err := me.aead.Open(nil, nil, raw, []byte(purpose))
	return string(plain), err == nil
}
