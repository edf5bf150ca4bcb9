package check

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// How much must be free where SQLite files are, in bytes.
const (
	diskWarns = 1 << 30
	diskFails = 100_000_000
)

// Disk looks whether a folder of SQLite files can be written, and how much room there is. If it is not there yet, it is made when it is needed, so
// the folder above must be good.
func Disk(dir string) Check {
	return Check{Name: "disk", Do: func(context.Context) []Finding {
		for {
			info, err := os.Stat(dir)
			switch up := filepath.Dir(dir); {
			case errors.Is(err, fs.ErrNotExist) && up != dir:
				dir = up
				continue
			case err != nil:
				return Fail("Set BLING_DATA_DIR to a folder that the services may write.", "The folder of the databases cannot be seen: %v", err)
			case !info.IsDir():
				return Fail("Set BLING_DATA_DIR to a folder that the services may write.", "%s is no folder.", dir)
			}
			break
		}
		file, err := os.CreateTemp(dir, ".doctor-*")
		if err != nil {
			return Fail("Let the user that the services run as write there, or set BLING_DATA_DIR to another folder.", "%s cannot be written: %v", dir, err)
		}
		file.Close()
		os.Remove(file.Name()) //nolint:errcheck // it is empty
		bytes, err := free(dir)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return Fine("%s can be written.", dir)
		case err != nil:
			return Warn("See the disk.", "How much room there is in %s cannot be told: %v", dir, err)
		case bytes < diskFails:
			return Fail("Make room on this disk now: when it is full, nothing is accepted any more.", "Only %d MB are free in %s.", bytes/1_000_000, dir)
		case bytes < diskWarns:
			return Warn("Make room on this disk.", "Only %d MB are free in %s.", bytes/1_000_000, dir)
		}
		return Fine("%s can be written, and there is room.", dir)
	}}
}
