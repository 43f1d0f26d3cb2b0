package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// JetStream keeps a stream in a folder, <account>/streams/<stream>, and its
// consumers in folders below, obs/<consumer>. What each of them is stands in its
// meta.inf, which is written first, and in meta.sum, which is written last; both
// go when it is deleted. A process that is killed meanwhile leaves a folder with
// one of them, or none. JetStream does not read such a folder when it starts
// again, so nobody can ask it to delete it, and yet takes what is in it for its
// own if something of the same name is made later. An embedded server has nobody
// else to clean up after it.

// The names that natsserver does not export.
const (
	streamsFolder   = "streams"
	consumersFolder = "obs"
	messagesFolder  = "msgs"
	// removedPrefix marks a stream's folder that JetStream removes when it starts.
	removedPrefix = "."
)

// removeUnfinished removes the streams and consumers that a killed server had not
// made or deleted to the end. No server runs in the folder.
func removeUnfinished(dir string) error {
	var errs []error
	root := filepath.Join(dir, natsserver.JetStreamStoreDir)
	for _, account := range folders(root, &errs) {
		for _, stream := range folders(filepath.Join(account, streamsFolder), &errs) {
			switch {
			case strings.HasPrefix(filepath.Base(stream), removedPrefix):
			case isWhole(stream):
				errs = append(errs, removeUnfinishedConsumers(stream))
			case holdsNothing(stream):
				errs = append(errs, removeStream(stream))
			}
		}
	}
	return errors.Join(errs...)
}

func removeUnfinishedConsumers(stream string) error {
	var errs []error
	for _, consumer := range folders(filepath.Join(stream, consumersFolder), &errs) {
		if !isWhole(consumer) {
			errs = append(errs, os.RemoveAll(consumer))
		}
	}
	return errors.Join(errs...)
}

// isWhole tells whether a stream or consumer was made to the end, and was not
// being deleted.
func isWhole(folder string) bool {
	return exists(folder, natsserver.JetStreamMetaFile) && exists(folder, natsserver.JetStreamMetaFileSum)
}

// holdsNothing tells whether nobody can miss a stream that is not whole: it was
// being deleted, which begins with its meta.inf, or has no message yet. JetStream
// finds the messages of any other when the stream is made again.
func holdsNothing(stream string) bool {
	if !exists(stream, natsserver.JetStreamMetaFile) && exists(stream, natsserver.JetStreamMetaFileSum) {
		return true
	}
	files, err := os.ReadDir(filepath.Join(stream, messagesFolder))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	for _, f := range files {
		if info, err := f.Info(); strings.HasSuffix(f.Name(), ".blk") && (err != nil || info.Size() > 0) {
			return false
		}
	}
	return true
}

// removeStream removes a stream's folder as JetStream does: what is left of it if
// this is killed, too, is out of the way.
func removeStream(stream string) error {
	removed := filepath.Join(filepath.Dir(stream), removedPrefix+filepath.Base(stream))
	if err := os.RemoveAll(removed); err != nil {
		return err
	}
	if err := os.Rename(stream, removed); err != nil {
		return err
	}
	return os.RemoveAll(removed)
}

// exists errs on the safe side: what cannot be looked at is there.
func exists(folder, name string) bool {
	_, err := os.Stat(filepath.Join(folder, name))
	return !errors.Is(err, fs.ErrNotExist)
}

// folders returns the paths of the folders in a folder, none if it is not there.
func folders(dir string, errs *[]error) []string {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		*errs = append(*errs, err)
	}
	var paths []string
	for _, e := range entries {
		if e.IsDir() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}
