//go:build !amd64 && !arm64

package confine

// Architecture and LastCall are not known here: there are no filters.
const Architecture, LastCall = 0, 0
