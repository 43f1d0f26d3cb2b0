package aws

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// pruneVersions deletes old versions of every function, as keep_versions says, and
// then the layers that no version has any more. It comes last, when the aliases have
// moved.
func (i *inventory) pruneVersions(ctx context.Context) error {
	var tasks []task
	for _, f := range i.functions {
		if f.function.wanted() && f.function.exists() {
			tasks = append(tasks, task{name: f.versions.name(), do: func(ctx context.Context) error {
				if err := about(f.versions, "remove", f.versions.prune(ctx)); err != nil {
					return err
				}
				return about(f.layers, "remove", f.layers.prune(ctx))
			}})
		}
	}
	return run(ctx, tasks)
}

// expendable are the versions that need not be kept, oldest first: not among the
// newest, not the one wanted, and with no alias that points at them, whoever made it.
func (v *versions) expendable(wanted int) []int {
	numbers := v.numbers()
	var old []int
	for n, number := range numbers {
		if n < len(numbers)-v.wish.keep && number != wanted && !v.i.functions[v.function].alias.uses(number) {
			old = append(old, number)
		}
	}
	return old
}

func (v *versions) prune(ctx context.Context) error {
	for _, number := range v.expendable(v.number) {
		if err := v.drop(ctx, number); err != nil {
			return err
		}
	}
	return nil
}

// drop deletes one version. An alias that somebody made in the meantime keeps it.
func (v *versions) drop(ctx context.Context, number int) error {
	f := v.latest()
	err := f.whileBusy(ctx, func(ctx context.Context) error {
		_, err := v.i.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{
			FunctionName: aws.String(f.fullName()), Qualifier: aws.String(strconv.Itoa(number)),
		})
		return err
	})
	switch {
	case says(err, "ResourceConflictException", "alias"):
		return nil
	case err != nil && !missing(err):
		return err
	}
	delete(v.have, number)
	return nil
}
