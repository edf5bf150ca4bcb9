// Package dialer will let an agent call a supporter back from the ticket, without showing either number to the other:
// the sidebar app in Help Scout, the call-back page, and the live status of the call. Nothing of it exists yet.
package dialer
