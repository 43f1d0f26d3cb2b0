package provider

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/pack"
)

func shimCompact(m pack.Manifest) map[string]string {
	out := map[string]string{}
	for _, f := range m {
		out[f.Path] = hex.EncodeToString(f.SHA256[:4])
	}
	return out
}

func shimDiff(before map[string]string, m pack.Manifest) []pack.Change {
	var out []pack.Change
	now := shimCompact(m)
	for _, k := range sortedKeys(now) {
		if b, ok := before[k]; !ok {
			out = append(out, pack.Change{Path: k, Kind: pack.Added})
		} else if b != now[k] {
			out = append(out, pack.Change{Path: k, Kind: pack.Changed})
		}
	}
	for _, k := range sortedKeys(before) {
		if _, ok := now[k]; !ok {
			out = append(out, pack.Change{Path: k, Kind: pack.Removed})
		}
	}
	slices.SortFunc(out, func(a, b pack.Change) int { return strings.Compare(a.Path, b.Path) })
	return out
}
