package dialer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

// keys are what one secret is good for. Each use has a key of its own, lest what is made for one could stand for another.
type keys struct {
	sealer               cipher.AEAD
	index, ticket, codes []byte
}

func newKeys(secret string) (k keys, err error) {
	derive := func(use string) (key []byte) {
		if err == nil {
			key, err = hkdf.Key(sha256.New, []byte(secret), nil, "bling dialer "+use, 32)
		}
		return key
	}
	k.index, k.ticket, k.codes = derive("index"), derive("ticket"), derive("codes")
	block, blockErr := aes.NewCipher(derive("seal"))
	if err = errors.Join(err, blockErr); err != nil {
		return k, fmt.Errorf("deriving keys: %w", err)
	}
	k.sealer, err = cipher.NewGCMWithRandomNonce(block)
	return k, err
}

func mac(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return h.Sum(nil)
}

// keyring is the keys of all secrets, the one for new things first.
type keyring []keys

func newKeyring(secrets []string) (ring keyring, err error) {
	for _, secret := range secrets {
		k, err := newKeys(secret)
		if err != nil {
			return nil, err
		}
		ring = append(ring, k)
	}
	return ring, nil
}

// seal encrypts a number for an agent. It cannot be passed off as another agent's.
func (r keyring) seal(n phone.Number, userID int64) []byte {
	return r[0].sealer.Seal(nil, nil, []byte(n), owner(userID))
}

// open decrypts what seal has made. current is false if it was made with an older key.
func (r keyring) open(sealed []byte, userID int64) (n phone.Number, current bool, err error) {
	for i, k := range r {
		var plain []byte
		if plain, err = k.sealer.Open(nil, nil, sealed, owner(userID)); err == nil {
			return phone.Number(plain), i == 0, nil
		}
	}
	return "", false, fmt.Errorf("opening an agent's number: %w", err)
}

func owner(userID int64) []byte { return []byte("agent " + strconv.FormatInt(userID, 10)) }

// indexOf is what a number is found by: nobody without the key can tell the number from it, nor try all numbers.
func (k keys) indexOf(n phone.Number) string {
	return base64.RawURLEncoding.EncodeToString(mac(k.index, string(n)))
}

// indexes are those of a code's number, under whichever key it may have been noted before.
func (s *Service) indexes(c sqlstore.CodeRow) (all []string) {
	number, _, err := s.ring.open(c.Phone, c.UserID)
	if err != nil {
		return nil // the key is gone, and what was noted with it
	}
	for _, k := range s.ring {
		all = append(all, k.indexOf(number))
	}
	return all
}

// hashCode is how a code is kept. It is worth nothing without its id.
func (r keyring) hashCode(id, code string) string {
	return base64.RawURLEncoding.EncodeToString(mac(r[0].codes, id, code))
}

// isCode reports whether a code is the one that was hashed.
func (r keyring) isCode(id, code, hash string) bool {
	ok := false
	for _, k := range r {
		if hmac.Equal([]byte(base64.RawURLEncoding.EncodeToString(mac(k.codes, id, code))), []byte(hash)) {
			ok = true
		}
	}
	return ok && hash != ""
}
