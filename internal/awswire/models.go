package awswire

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Models are the models of AWS's services, each read when it is first needed.
type Models struct {
	dir      string
	mu       sync.Mutex
	services map[string]*service
}

// OpenModels finds the models in a Python virtual environment with botocore.
func OpenModels(environment string) (*Models, error) {
	pattern := filepath.Join(environment, "lib", "python3.*", "site-packages", "botocore", "data")
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("want one folder %s, found %d", pattern, len(found))
	}
	return &Models{dir: found[0], services: map[string]*service{}}, nil
}

// A service is one service's model (service-2.json), as far as requests and errors
// go.
type service struct {
	Metadata struct {
		Protocol     string `json:"protocol"`
		JSONVersion  string `json:"jsonVersion"`
		TargetPrefix string `json:"targetPrefix"`
		APIVersion   string `json:"apiVersion"`
		XMLNamespace string `json:"xmlNamespace"`
		// QueryCompatible is there when errors also have the codes of an older protocol.
		QueryCompatible *struct{} `json:"awsQueryCompatible"`
	} `json:"metadata"`
	Operations map[string]*operation `json:"operations"`
	Shapes     map[string]*shape     `json:"shapes"`

	name   string
	routes []route
}

type operation struct {
	Name string `json:"name"`
	HTTP struct {
		Method     string `json:"method"`
		RequestURI string `json:"requestUri"`
	} `json:"http"`
	Input      *reference `json:"input"`
	Deprecated bool       `json:"deprecated"`
}

// A shape is the type of a value.
type shape struct {
	Type     string                `json:"type"`
	Members  map[string]*reference `json:"members"`
	Required []string              `json:"required"`
	// Payload names the member that is the whole body.
	Payload         string     `json:"payload"`
	Member          *reference `json:"member"` // of a list
	Key             *reference `json:"key"`    // of a map
	Value           *reference `json:"value"`
	Enum            []string   `json:"enum"`
	Pattern         string     `json:"pattern"`
	Min             *float64   `json:"min"`
	Max             *float64   `json:"max"`
	Flattened       bool       `json:"flattened"`
	LocationName    string     `json:"locationName"`
	TimestampFormat string     `json:"timestampFormat"`
	Document        bool       `json:"document"`
	Union           bool       `json:"union"`
	EventStream     bool       `json:"eventstream"`
	Error           struct {
		Code           string `json:"code"`
		HTTPStatusCode int    `json:"httpStatusCode"`
	} `json:"error"`
	Exception bool `json:"exception"`
	Fault     bool `json:"fault"`

	name string
}

// A reference is the use of a shape, as a member or an operation's input.
type reference struct {
	Shape        string `json:"shape"`
	Location     string `json:"location"`
	LocationName string `json:"locationName"`
	QueryName    string `json:"queryName"`
	Flattened    bool   `json:"flattened"`
	XMLAttribute bool   `json:"xmlAttribute"`
	JSONValue    bool   `json:"jsonvalue"`
}

// service returns the newest model of a service.
func (m *Models) service(name string) (*service, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.services[name]; ok {
		return s, nil
	}
	versions, err := filepath.Glob(filepath.Join(m.dir, name, "*", "service-2.json*"))
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("AWS has no service %q", name)
	}
	slices.Sort(versions)
	s, err := readService(versions[len(versions)-1])
	if err != nil {
		return nil, fmt.Errorf("read the model of %s: %w", name, err)
	}
	s.name = name
	s.index()
	m.services[name] = s
	return s, nil
}

func readService(path string) (s *service, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if text, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	return s, json.NewDecoder(text).Decode(&s)
}

// index prepares a model that was read.
func (s *service) index() {
	for name, shape := range s.Shapes {
		shape.name = name
	}
	for name, op := range s.Operations {
		op.Name = name
		s.routes = append(s.routes, newRoute(s, op))
	}
	slices.SortFunc(s.routes, func(a, b route) int { return strings.Compare(a.op.Name, b.op.Name) })
}

// shape returns what a reference refers to.
func (s *service) shape(ref *reference) *shape { return s.Shapes[ref.Shape] }

// input returns the shape of an operation's parameters, or an empty structure.
func (s *service) input(op *operation) *shape {
	if op.Input == nil {
		return &shape{Type: "structure"}
	}
	return s.shape(op.Input)
}

// exception returns the shape of the error with a code; ok is false if the service
// does not name it, as is the case with those that all services have.
func (s *service) exception(code string) (found *shape, ok bool) {
	if sh, ok := s.Shapes[code]; ok && sh.Exception {
		return sh, true
	}
	for _, sh := range s.Shapes {
		if sh.Exception && sh.Error.Code == code {
			return sh, true
		}
	}
	return nil, false
}

// errUnknownService is what a request's service that cannot be told is.
var errUnknownService = errors.New("the request does not tell its service: it has neither a signature nor a known target or action")
