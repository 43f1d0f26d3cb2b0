package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// Keys of the bucket TIDEGATE_META.
const (
	keyFormat          = "format"
	keyManagementToken = "management_token"
	keySigningKey      = "signing_key"
)

// openSecrets reads what all nodes share; the first node makes it.
func (s *Store) openSecrets(ctx context.Context) error {
	if _, err := s.once(ctx, keyFormat, strconv.Itoa(Format)); err != nil {
		return err
	}
	token, err := s.once(ctx, keyManagementToken, "tidegate_"+randomKey())
	if err != nil {
		return err
	}
	key, err := s.once(ctx, keySigningKey, randomKey())
	if err != nil {
		return err
	}
	s.managementToken = token
	s.signingKey, err = base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(s.signingKey) < 32 {
		return errors.New("the store's signing key is damaged: it should be 32 bytes in base64")
	}
	return nil
}

// once returns the value of a key of TIDEGATE_META, which is value if the key
// was not there before. Of nodes that start together one wins, and all return
// its value.
func (s *Store) once(ctx context.Context, key, value string) (string, error) {
	_, err := s.meta.Create(ctx, key, []byte(value))
	if err == nil {
		return value, nil
	}
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return "", fmt.Errorf("cannot write %s to the store: %w", key, err)
	}
	entry, err := s.meta.Get(ctx, key)
	if err != nil {
		return "", fmt.Errorf("cannot read %s from the store: %w", key, err)
	}
	return string(entry.Value()), nil
}

// randomKey returns 32 random bytes in base64.
func randomKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.RawURLEncoding.EncodeToString(key)
}
