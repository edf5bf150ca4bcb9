package telemetry

import "runtime/debug"

// version is set by the linker where images are built (see Dockerfile): there is no repository there to ask.
var version string

// Version says which build this process is. It is service.version in traces and metrics.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
