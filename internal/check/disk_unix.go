//go:build linux || darwin || freebsd

package check

import "syscall"

// free is how many bytes of a folder's disk we may use.
func free(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:unconvert // the types differ from system to system
}
