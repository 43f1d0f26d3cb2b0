// Package api is the open runtime's HTTP side: the management API of operators
// (described by the OpenAPI document it serves), Lambda's Invoke, and the ingress
// on which the triggers' own addresses are mounted.
package api
