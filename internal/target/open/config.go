package open

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// DefaultEndpoint is where `tidegate serve` listens unless told otherwise.
const DefaultEndpoint = "http://127.0.0.1:7420"

// The variables that stand in for what is not configured.
const (
	EnvEndpoint = "TIDEGATE_ENDPOINT"
	EnvToken    = "TIDEGATE_TOKEN"
)

// ResolveEndpoint returns the runtime's management URL, without a slash at the
// end: what was given, else $TIDEGATE_ENDPOINT, else DefaultEndpoint.
func ResolveEndpoint(given string) (string, error) {
	source := "the endpoint"
	if given == "" {
		source, given = "$"+EnvEndpoint, os.Getenv(EnvEndpoint)
	}
	if given == "" {
		given = DefaultEndpoint
	}
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("%s is %q; it must be a URL such as %q", source, redactUser(given), DefaultEndpoint)
	}
	return strings.TrimRight(given, "/"), nil
}

// redactUser keeps a password that was put into a URL out of messages.
func redactUser(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if i := strings.LastIndex(rest, "@"); ok && i >= 0 {
		return scheme + "://***" + rest[i:]
	}
	return text
}

// ResolveToken returns the token for a runtime: what was given, else
// $TIDEGATE_TOKEN, else the content of the file that `tidegate serve` wrote for
// its user.
func ResolveToken(given, endpoint string) (string, error) {
	if given != "" {
		return given, nil
	}
	if token := strings.TrimSpace(os.Getenv(EnvToken)); token != "" {
		return token, nil
	}
	path, err := TokenFile(endpoint)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no token for %s: set $%s, or start `tidegate serve` as this user, which writes one to %s", endpoint, EnvToken, path)
	}
	if err != nil {
		return "", fmt.Errorf("cannot read the token for %s: %w", endpoint, err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", fmt.Errorf("the token file %s is empty: restart `tidegate serve`, which writes it", path)
	}
	return token, nil
}

// TokenFile is where a runtime that listens at the endpoint keeps its token for
// the user who runs it: <user configuration folder>/tidegate/tokens/<host>_<port>.
// Every name of the loopback interface is the same host.
func TokenFile(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("%q is not a URL such as %q", redactUser(endpoint), DefaultEndpoint)
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the token file: %w", err)
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		host = "127.0.0.1"
	}
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return filepath.Join(config, "tidegate", "tokens", strings.ReplaceAll(host, ":", "-")+"_"+port), nil
}
