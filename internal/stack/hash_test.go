package stack

import (
	"encoding/json"
	"reflect"
	"testing"
)

// These hashes are in states and records: if this test fails, every function
// everywhere would be published again by the next apply.
func TestHashesAreTheSameInEveryReleaseOfTidegate(t *testing.T) {
	full := Config{
		CodeSHA256: digest("code"), Runtime: "python3.13", Handler: "app.handler", Memory: 256, Timeout: seconds(90),
		Environment: map[string]string{"B": "<&>", "A": "ü"}, SecretsVersion: "2", EphemeralStorage: 1024, Architecture: "arm64",
		Layers: []string{digest("1"), digest("2")}, Tracing: "active",
	}
	if got, want := full.Hash(), "5910198c43199cd72b2ccee07a4a02f8d82b03d58d67e2bc6b6ba8c017d38cdb"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	if got, want := (Config{}).Hash(), "9fe630d8872f18afbbd3a41b468625320d4d77490ad62b3cca4c1236d8a27b3f"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	s := Stack{Functions: map[string]Function{"b": {Config: full}, "a": {}}}
	if got, want := s.ReleaseID(), "r-3b089de782a7"; got != want {
		t.Errorf("release %s, want %s", got, want)
	}
}

func TestWritingADefaultOutIsTheSameVersion(t *testing.T) {
	written := Config{
		Runtime: "provided.al2023", Handler: "bootstrap", Memory: 128, Timeout: seconds(3), EphemeralStorage: 512, Tracing: "pass_through",
		Environment: map[string]string{}, Layers: []string{},
	}
	if written.Hash() != (Config{Runtime: "provided.al2023"}).Hash() {
		t.Error("the hashes differ")
	}
}

// Whatever field Config has, a change of it must make a new version.
func TestEveryFieldOfAConfigMakesAVersion(t *testing.T) {
	other := map[reflect.Kind]any{reflect.String: "x", reflect.Int: 1000, reflect.Int64: seconds(77)}
	config := reflect.TypeFor[Config]()
	for i := range config.NumField() {
		c := Config{}
		field := reflect.ValueOf(&c).Elem().Field(i)
		switch field.Interface().(type) {
		case map[string]string:
			field.Set(reflect.ValueOf(map[string]string{"A": "x"}))
		case []string:
			field.Set(reflect.ValueOf([]string{"x"}))
		case *Network:
			field.Set(reflect.ValueOf(&Network{IPv6: true}))
		default:
			field.Set(reflect.ValueOf(other[field.Kind()]).Convert(field.Type()))
		}
		if c.Hash() == (Config{}).Hash() {
			t.Errorf("%s does not change the hash", config.Field(i).Name)
		}
	}
}

func TestTheOrderOfLayersMakesAVersion(t *testing.T) {
	if (Config{Layers: []string{"a", "b"}}).Hash() == (Config{Layers: []string{"b", "a"}}).Hash() {
		t.Error("the hashes are the same")
	}
}

func TestTheReleaseIDSeesNamesAndConfigurationsOnly(t *testing.T) {
	s := validStack()
	id := s.ReleaseID()
	function(func(f *Function) { f.KeepVersions, f.Secrets, f.Async.Retries = 3, map[string]string{"A": "x"}, 0 })(&s)
	s.Name, s.Tags = "other", map[string]string{"a": "b"}
	if s.ReleaseID() != id {
		t.Error("what no version freezes changes the release")
	}
	s.Functions = map[string]Function{"renamed": s.Functions["fulfil"]}
	if s.ReleaseID() == id {
		t.Error("another name is the same release")
	}
}

func TestAConfigSurvivesJSONWithItsHash(t *testing.T) {
	f := validFunction()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back Function
	if err := json.Unmarshal(text, &back); err != nil || back.Hash() != f.Hash() {
		t.Error("the hash changed", err)
	}
}
