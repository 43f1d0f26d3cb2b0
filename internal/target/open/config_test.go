package open

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheEndpointIsWhatWasGivenElseTheVariableElseTheDefault(t *testing.T) {
	t.Setenv(EnvEndpoint, "")
	for _, c := range []struct{ given, variable, want string }{
		{"", "", "http://127.0.0.1:7420"},
		{"", "http://10.0.0.1:99/", "http://10.0.0.1:99"},
		{"https://tide.example.org/gate/", "http://10.0.0.1:99", "https://tide.example.org/gate"},
	} {
		t.Setenv(EnvEndpoint, c.variable)
		if got, err := ResolveEndpoint(c.given); err != nil || got != c.want {
			t.Errorf("ResolveEndpoint(%q) with the variable %q = %q, %v; want %q", c.given, c.variable, got, err, c.want)
		}
	}
}

func TestAnEndpointThatIsNoURLIsRefused(t *testing.T) {
	for _, bad := range []string{"127.0.0.1:7420", "ftp://x", "http://", "http://x?y=z", "http://user:hunter2@x"} {
		_, err := ResolveEndpoint(bad)
		if err == nil {
			t.Errorf("ResolveEndpoint(%q) was accepted", bad)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestTheTokenIsWhatWasGivenElseTheVariableElseTheFile(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv(EnvToken, "")
	const endpoint = "http://127.0.0.1:7420"

	if _, err := ResolveToken("", endpoint); err == nil || !strings.Contains(err.Error(), "tidegate serve") {
		t.Errorf("without any token the error is %v; it should say how to get one", err)
	}
	path, err := TokenFile("http://localhost:7420")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(given, want string) {
		t.Helper()
		if got, err := ResolveToken(given, endpoint); err != nil || got != want {
			t.Errorf("ResolveToken(%q) = %q, %v; want %q", given, got, err, want)
		}
	}
	check("", "from-file")
	t.Setenv(EnvToken, "from-variable")
	check("", "from-variable")
	check("from-configuration", "from-configuration")
}
