package invoke

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// extensionPrefix begins every path of the Extensions API.
const extensionPrefix = "/2020-01-01/extension/"

const extensionIdentifier = "Lambda-Extension-Identifier"

// maxRegistration is the most bytes of a request's body.
const maxRegistration = 64 << 10

func init() {
	runtimeAPI.Handle(http.MethodPost, extensionPrefix+"register", (*instance).serveRegister)
	runtimeAPI.Handle(http.MethodGet, extensionPrefix+"event/next", (*instance).serveExtensionNext)
	runtimeAPI.Handle(http.MethodPost, extensionPrefix+"init/error", (*instance).serveExtensionInitError)
	runtimeAPI.Handle(http.MethodPost, extensionPrefix+"exit/error", (*instance).serveExtensionExitError)
}

// refused is an error of the Extensions API, in the words of
// aws-lambda-runtime-interface-emulator.
func refused(status int, kind, message string) *apiError { return &apiError{status, kind, message} }

// serveRegister makes an extension known.
func (i *instance) serveRegister(r *rawhttp.Request) {
	name := r.Header("Lambda-Extension-Name")
	var registration struct {
		Events []string `json:"events"`
	}
	body, err := readSmall(r)
	switch {
	case err != nil:
		err.reply(r)
		return
	case name == "" || len(name) > 128:
		refused(http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name").reply(r)
		return
	case len(body) > 0 && json.Unmarshal(body, &registration) != nil:
		refused(http.StatusBadRequest, "InvalidRequestFormat", "Invalid registration format").reply(r)
		return
	}
	e, err := i.register(name, registration.Events)
	if err != nil {
		err.reply(r)
		return
	}
	answer := map[string]string{"functionName": i.subject.name, "functionVersion": i.subject.version, "handler": i.subject.handler}
	if strings.Contains(r.Header("Lambda-Extension-Accept-Feature"), "accountId") {
		answer["accountId"] = stack.Account
	}
	_ = r.Reply(rawhttp.Answer{Status: http.StatusOK, Body: marshal(answer), Header: append(slices.Clone(jsonHeader),
		rawhttp.Field{Name: extensionIdentifier, Value: e.id})})
}

// A subject is the function as extensions are told of it.
type subject struct{ name, version, handler string }

// register adds an extension, or says why not.
func (i *instance) register(name string, events []string) (*extension, *apiError) {
	i.mu.Lock()
	initialises := i.phase == initialising
	i.mu.Unlock()
	x := &i.extensions
	x.mu.Lock()
	defer x.mu.Unlock()
	e := &extension{name: name, id: uuid.NewString(), external: slices.Contains(x.external, name)}
	for _, event := range events {
		switch {
		case event == extensionInvoke:
			e.invoke = true
		case event == extensionShutdown && e.external:
			e.shutdown = true
		case event == extensionShutdown:
			return nil, refused(http.StatusBadRequest, "Extension.InvalidEventType", "SHUTDOWN is not supported for internal extensions")
		default:
			return nil, refused(http.StatusBadRequest, "Extension.InvalidEventType", event+" is not supported")
		}
	}
	switch {
	case slices.ContainsFunc(x.list, func(other *extension) bool { return other.name == name }):
		return nil, refused(http.StatusForbidden, "Extension.AlreadyRegistered", "Extension with this name already registered")
	case !initialises:
		return nil, refused(http.StatusForbidden, "Extension.RegistrationClosed", "Extension registration closed already")
	case len(x.list) >= maxExtensions:
		return nil, refused(http.StatusForbidden, "Extension.TooManyExtensions", "Extension limit (10) reached")
	}
	x.any.Store(true)
	x.list = append(x.list, e)
	x.expected = slices.DeleteFunc(x.expected, func(expected string) bool { return expected == name })
	x.wake()
	return e, nil
}

// serveExtensionNext answers when there is an event for the extension.
func (i *instance) serveExtensionNext(r *rawhttp.Request) {
	x := &i.extensions
	id := r.Header(extensionIdentifier)
	x.mu.Lock()
	defer x.mu.Unlock()
	e, err := x.identify(id)
	switch {
	case err != nil:
		err.reply(r)
	case x.over != nil && e.shutdown:
		_ = r.Reply(eventAnswer(x.over))
	default:
		if e.poll != nil { // its connection broke
			e.poll.Drop()
		} else if i.out != nil && !e.greeted {
			e.greeted = true
			go i.out.aside("EXTENSION\tName: " + e.name + "\tState: Ready\tEvents: [" + strings.Join(e.events(), ", ") + "]")
		}
		e.poll = r.Later()
		x.wake()
	}
}

// events are the names of those that it registered for.
func (e *extension) events() []string {
	names := []string{}
	if e.invoke {
		names = append(names, extensionInvoke)
	}
	if e.shutdown {
		names = append(names, extensionShutdown)
	}
	return names
}

// identify finds the extension that a request is of. mu is held.
func (x *extensions) identify(id string) (*extension, *apiError) {
	if id == "" {
		return nil, refused(http.StatusForbidden, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
	}
	if _, err := uuid.Parse(id); err != nil {
		return nil, refused(http.StatusForbidden, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
	}
	if e := x.find(id); e != nil {
		return e, nil
	}
	return nil, refused(http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
}

func (i *instance) serveExtensionInitError(r *rawhttp.Request) {
	i.serveExtensionError(r, errorExtensionInit)
}

func (i *instance) serveExtensionExitError(r *rawhttp.Request) {
	i.serveExtensionError(r, errorExtensionExit)
}

// serveExtensionError ends the instance, by an extension's wish.
func (i *instance) serveExtensionError(r *rawhttp.Request, kind string) {
	body, err := readSmall(r)
	if err != nil {
		err.reply(r)
		return
	}
	i.extensions.mu.Lock()
	e, err := i.extensions.identify(r.Header(extensionIdentifier))
	i.extensions.mu.Unlock()
	named := r.Header("Lambda-Extension-Function-Error-Type")
	switch {
	case err != nil:
		err.reply(r)
		return
	case named == "":
		refused(http.StatusForbidden, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found").reply(r)
		return
	}
	accepted(r, nil)
	message := "extension " + e.name + ": " + named
	var said struct{ ErrorMessage string }
	if json.Unmarshal(body, &said) == nil && said.ErrorMessage != "" {
		message += ": " + said.ErrorMessage
	}
	i.crash(functionError{Type: kind, Message: message})
}

// readSmall reads a body of at most maxRegistration bytes.
func readSmall(r *rawhttp.Request) ([]byte, *apiError) {
	body, err := readBody(r)
	if err == nil && len(body) > maxRegistration {
		err = errEntityTooLarge
	}
	return body, err
}
