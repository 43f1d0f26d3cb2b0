package api

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/pack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// checkHandlers says which functions' packages lack what their handler names.
// It unpacks them, which their first instance would have to wait for otherwise.
func (s *Server) checkHandlers(ctx context.Context, wanted stack.Stack) (stack.Problems, error) {
	var problems stack.Problems
	for _, name := range wanted.FunctionNames() {
		f := wanted.Functions[name]
		code, err := s.packageFiles(ctx, f.CodeSHA256)
		if err != nil {
			return nil, err
		}
		var layers []pack.Manifest
		if len(f.Layers) > 0 {
			merged, err := s.packageFiles(ctx, f.Layers...)
			if err != nil {
				return nil, err
			}
			layers = append(layers, merged)
		}
		if err := pack.CheckHandler(f.Runtime, f.Handler, code, layers...); err != nil {
			problems = append(problems, stack.Problem{
				Paths:   []string{fmt.Sprintf("functions[%q].handler", name)},
				Message: err.Error(),
			})
		}
	}
	return problems, nil
}

// packageFiles lists the files of packages laid over each other; without their
// hashes, which nothing here needs.
func (s *Server) packageFiles(ctx context.Context, shas ...string) (pack.Manifest, error) {
	dir, err := s.Store.PackageDir(ctx, shas...)
	if err != nil {
		return nil, s.unpackProblem(ctx, err)
	}
	var files pack.Manifest
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files = append(files, pack.File{Path: path.Clean(name), Mode: info.Mode().Perm(), Size: info.Size()})
		return nil
	})
	if err != nil {
		return nil, s.internal(ctx, "look into a package", err)
	}
	slices.SortFunc(files, func(a, b pack.File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}
