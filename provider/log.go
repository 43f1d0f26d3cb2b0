package provider

import (
	"context"
	"log/slog"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// terraformLog hands log records to Terraform's own log (TF_LOG).
type terraformLog struct{ attrs []slog.Attr }

var _ slog.Handler = terraformLog{}

func (terraformLog) Enabled(context.Context, slog.Level) bool { return true }

func (h terraformLog) Handle(ctx context.Context, r slog.Record) error {
	fields := map[string]any{}
	for _, a := range h.attrs {
		fields[a.Key] = a.Value.Any()
	}
	r.Attrs(func(a slog.Attr) bool {
		fields[a.Key] = a.Value.Any()
		return true
	})
	switch {
	case r.Level >= slog.LevelError:
		tflog.Error(ctx, r.Message, fields)
	case r.Level >= slog.LevelWarn:
		tflog.Warn(ctx, r.Message, fields)
	case r.Level >= slog.LevelInfo:
		tflog.Info(ctx, r.Message, fields)
	default:
		tflog.Debug(ctx, r.Message, fields)
	}
	return nil
}

func (h terraformLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return terraformLog{append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

// WithGroup ignores groups: nothing that logs here uses them.
func (h terraformLog) WithGroup(string) slog.Handler { return h }
