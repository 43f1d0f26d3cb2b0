package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnInstanceGetsTheHostsSearchDomainsAndNotItsServers(t *testing.T) {
	for host, want := range map[string]string{
		"nameserver 10.0.0.2\nsearch a.example b.example\noptions ndots:5 edns0 rotate\n": "nameserver 192.0.0.1\nsearch a.example b.example\noptions ndots:5\n",
		"domain old.example\nnameserver 127.0.0.53\n":                                     "nameserver 192.0.0.1\nsearch old.example\n",
		"# nothing\n;search no.example\n":                                                 "nameserver 192.0.0.1\n",
		"":                                                                                "nameserver 192.0.0.1\n",
	} {
		if got := string(parseResolvConf([]byte(host)).instances()); got != want {
			t.Errorf("%q became %q; want %q", host, got, want)
		}
	}
}

func TestResolvConfIsReadWithItsDefaultsAndLimits(t *testing.T) {
	c := parseResolvConf([]byte("nameserver 1.1.1.1\nnameserver\tfe80::1%eth0\nnameserver nonsense\nnameserver 2.2.2.2\nnameserver 3.3.3.3\noptions timeout:99 attempts:0 ndots:x"))
	if fmt.Sprint(c.servers) != "[1.1.1.1 fe80::1%eth0 2.2.2.2]" || c.timeout != 30*time.Second || c.attempts != 1 || len(c.options) != 0 {
		t.Errorf("%+v", c)
	}
	c = parseResolvConf(nil)
	if fmt.Sprint(c.servers) != "[127.0.0.1]" || c.timeout != 5*time.Second || c.attempts != 2 {
		t.Errorf("of nothing: %+v", c)
	}
}

func TestResolvConfIsReadAgainWhenItHasChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(server string) {
		// As programs that keep the file do it.
		if err := os.WriteFile(path+".new", []byte("nameserver "+server+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	f := &confFile{path: path}
	r := newResolver(nil)
	servers := func() string {
		r.set(f.read())
		return fmt.Sprint(r.config().servers)
	}
	if got := servers(); got != "[127.0.0.1]" {
		t.Errorf("without the file: %s", got)
	}
	write("10.0.0.1")
	eventually(t, "the file is read", func() bool { return servers() == "[10.0.0.1]" })
	write("10.0.0.2")
	eventually(t, "the file is read again", func() bool { return servers() == "[10.0.0.2]" })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := servers(); got != "[10.0.0.2]" {
		t.Errorf("while it is away: %s", got)
	}
}

func FuzzResolvConf(f *testing.F) {
	f.Add("nameserver 10.0.0.2\nsearch a b\noptions ndots:5 timeout:1\n")
	f.Fuzz(func(t *testing.T, content string) {
		c := parseResolvConf([]byte(content))
		if len(c.servers) == 0 || len(c.servers) > 3 || c.attempts < 1 || c.timeout < time.Second {
			t.Errorf("%+v", c)
		}
		if s := string(c.instances()); strings.Count(s, "nameserver ") != strings.Count(strings.Join(c.search, " "), "nameserver ")+1 {
			t.Errorf("an instance would ask others: %q", s)
		}
	})
}
