package telephony

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/signature"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// pictureTypes are what the carriers make fit for any phone. Other files may be refused on the way, and go as links.
var pictureTypes = []string{"image/jpeg", "image/png", "image/gif"}

// PutFile stores a file that a text brings along.
func (s *Service) PutFile(ctx context.Context, r *telephonyv1.PutFileRequest) (*telephonyv1.PutFileResponse, error) {
	var check errs.Check
	checkKey(&check, "key", r.GetKey())
	name := strings.Join(strings.Fields(clean(r.GetName())), " ")
	check.That(name != "" && len(name) <= 255, "name", "must have 1 to 255 bytes")
	check.That(len(r.GetMimeType()) <= 100, "mime_type", "must have at most 100 bytes")
	check.That(len(r.GetData()) > 0 && int64(len(r.GetData())) <= s.MediaLimit, "data", "must have 1 byte to 10 MiB")
	if err := check.Err(); err != nil {
		return nil, err
	}
	err := s.store.PutFile(ctx, sqlstore.FileOutRow{
		Key: r.GetKey(), ID: newFileID(), Name: name, MIMEType: clean(r.GetMimeType()), Data: r.GetData(), ExpiresAt: s.Now().Add(s.FileLife),
	})
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the file could not be stored; put it again")
	}
	return &telephonyv1.PutFileResponse{}, nil
}

// GetFile returns a file to the gateway, which has checked the address.
func (s *Service) GetFile(ctx context.Context, r *telephonyv1.GetFileRequest) (*telephonyv1.GetFileResponse, error) {
	f, err := s.store.FileByID(ctx, r.GetId(), s.Now())
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the file could not be read")
	}
	if f == nil {
		return nil, errs.New(errs.NotFound, "there is no such file any more")
	}
	return &telephonyv1.GetFileResponse{Name: f.Name, MimeType: f.MIMEType, Data: f.Data}, nil
}

func newFileID() string {
	b := make([]byte, signature.FileIDBytes)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// address is where a file is fetched, by the carrier or by the supporter.
func (s *Service) address(f sqlstore.FileOutRow) string {
	return s.PublicURL + "/bling/file/" + signature.File(s.FileSecret, f.ID, f.ExpiresAt)
}

// divide says which files go as pictures and which as links. Pictures go within the US and Canada only.
func (s *Service) divide(h hotline.Hotline, to phone.Identity, files []sqlstore.FileOutRow) (pictures, links []sqlstore.FileOutRow) {
	size, most := 0, h.Transport.Can().Pictures
	for _, f := range files {
		if h.MMS && to.NorthAmerican() && slices.Contains(pictureTypes, f.MIMEType) && size+f.Size <= most {
			size += f.Size
			pictures = append(pictures, f)
			continue
		}
		links = append(links, f)
	}
	return pictures, links
}
