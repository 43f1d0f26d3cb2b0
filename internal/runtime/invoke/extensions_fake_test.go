package invoke

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
)

// extend sends a request to the Extensions API.
func (p *process) extend(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(p.killed, method, extensionPrefix+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return sandboxtest.Call(p.spec.RuntimeAPI, r)
}

// extended echoes, with an internal extension that takes its time for the first event
// and for each later one.
func extended(first, later time.Duration) program {
	return func(p *process) {
		id := p.extend(http.MethodPost, "register", `{"events":["INVOKE"]}`, "Lambda-Extension-Name", "own").Header().Get(extensionIdentifier)
		go func() {
			p.sleep(first)
			for p.extend(http.MethodGet, "event/next", "", extensionIdentifier, id).Code == http.StatusOK {
				p.sleep(later)
			}
		}()
		echo(p)
	}
}

func TestAnInstanceIsReadyWhenItsExtensionsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, extended(2*time.Second, time.Second))
		began := time.Now()
		h.must(Request{})
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the first answer took %v: it did not wait for the extension's start", took)
		}
		again := time.Now()
		h.must(Request{})
		if took := time.Since(again); h.sandbox.started.Load() == 1 && took != time.Second {
			t.Errorf("the second answer took %v: it did not wait for the extension", took)
		}
	})
}

func TestAnExtensionThatTakesTooLongIsTheFunctionsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, extended(0, time.Hour))
		began := time.Now()
		h.must(Request{LogTail: true}) // complete when the extension is done with the event, or killed
		if took := time.Since(began); took < 3*time.Second || took > 6*time.Second {
			t.Errorf("the instance had %v, want its timeout", took)
		}
	})
}

func TestTheExtensionsAPIRefusesWhatItDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		h := newHouse(t, func(p *process) {
			name := []string{"Lambda-Extension-Name", "own"}
			for _, c := range []struct {
				answer *httptest.ResponseRecorder
				status int
				kind   string
			}{
				{p.extend(http.MethodPost, "register", `{}`), 403, "Extension.InvalidExtensionName"},
				{p.extend(http.MethodPost, "register", `{`, name...), 400, "InvalidRequestFormat"},
				{p.extend(http.MethodPost, "register", `{"events":["SHUTDOWN"]}`, name...), 400, "Extension.InvalidEventType"},
				{p.extend(http.MethodPost, "register", `{"events":["OTHER"]}`, name...), 400, "Extension.InvalidEventType"},
				{p.extend(http.MethodGet, "event/next", ""), 403, "Extension.MissingExtensionIdentifier"},
				{p.extend(http.MethodGet, "event/next", "", extensionIdentifier, "x"), 403, "Extension.InvalidExtensionIdentifier"},
				{
					p.extend(http.MethodGet, "event/next", "", extensionIdentifier, "5c9d9a0e-9b1c-4f53-8a3e-6f6d6c9f0b11"),
					403, "Extension.UnknownExtensionIdentifier",
				},
			} {
				if c.answer.Code != c.status || !strings.Contains(c.answer.Body.String(), `"errorType":"`+c.kind+`"`) {
					t.Errorf("got %d %s, want %d %s", c.answer.Code, c.answer.Body, c.status, c.kind)
				}
			}
			e := p.next()
			if late := p.extend(http.MethodPost, "register", `{}`, name...); !strings.Contains(late.Body.String(), "Extension.RegistrationClosed") {
				t.Errorf("registering late gives %s", late.Body)
			}
			close(done)
			p.respond(e.id, "null")
			p.next()
		})
		h.must(Request{})
		<-done
	})
}
