// Package test holds what is tested on the whole hotline: all services, both simulated vendors, real HTTP and gRPC.
package test
