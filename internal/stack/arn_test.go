package stack

import "testing"

func TestARNsHaveAWSsShape(t *testing.T) {
	for got, want := range map[string]string{
		FunctionARN("shop", "fulfil"):          "arn:aws:lambda:open-1:000000000000:function:shop-fulfil",
		AliasARN("shop", "fulfil"):             "arn:aws:lambda:open-1:000000000000:function:shop-fulfil:live",
		VersionARN("shop", "fulfil", 3):        "arn:aws:lambda:open-1:000000000000:function:shop-fulfil:3",
		QualifiedARN("shop", "fulfil", Latest): "arn:aws:lambda:open-1:000000000000:function:shop-fulfil:$LATEST",
		QueueARN("orders", false):              "arn:aws:sqs:open-1:000000000000:orders",
		QueueARN("orders", true):               "arn:aws:sqs:open-1:000000000000:orders.fifo",
		DeadLetterARN("orders", false):         "arn:aws:sqs:open-1:000000000000:orders-dead-letters",
		DeadLetterARN("orders", true):          "arn:aws:sqs:open-1:000000000000:orders-dead-letters.fifo",
		APIARN("shop"):                         "arn:aws:execute-api:open-1:000000000000:shop",
		ScheduleARN("shop", "nightly"):         "arn:aws:scheduler:open-1:000000000000:schedule/shop/nightly",
		LogGroup("shop", "fulfil"):             "/aws/lambda/shop-fulfil",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestParseARNTakesApartWhatWasBuilt(t *testing.T) {
	arn, err := ParseARN(QualifiedARN("shop", "fulfil", "live"))
	if err != nil {
		t.Fatal(err)
	}
	if name, qualifier, ok := arn.Function(); name != "shop-fulfil" || qualifier != "live" || !ok {
		t.Error(name, qualifier, ok)
	}
	if !arn.Local() || arn.String() != AliasARN("shop", "fulfil") {
		t.Error(arn)
	}
	for _, want := range []QueueRef{{Stack: "orders"}, {Stack: "orders", FIFO: true}, {Stack: "orders", DeadLetters: true}, {"orders", true, true}} {
		arn, err := ParseARN(want.ARN())
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := arn.Queue(); got != want || !ok {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestARNsOfOthersAreNotLocal(t *testing.T) {
	arn, err := ParseARN("arn:aws:sqs:eu-central-1:123456789012:orders")
	if err != nil || arn.Local() {
		t.Error(arn, err)
	}
}

func TestWhatIsNoFunctionAndNoQueueIsTold(t *testing.T) {
	for _, text := range []string{
		"arn:aws:lambda:open-1:000000000000:layer:x", "arn:aws:lambda:open-1:000000000000:function:",
		"arn:aws:lambda:open-1:000000000000:function:x:", "arn:aws:lambda:open-1:000000000000:function:x:y:z",
		"arn:aws:s3:::function:x", "arn:aws:sqs:open-1:000000000000:-dead-letters",
	} {
		arn, err := ParseARN(text)
		if err != nil {
			t.Fatal(err)
		}
		if name, _, ok := arn.Function(); ok {
			t.Errorf("%s is the function %q", text, name)
		}
		if queue, ok := arn.Queue(); ok {
			t.Errorf("%s is the queue %v", text, queue)
		}
	}
	for _, text := range []string{"", "orders", "arn:aws:sqs:x", "arn:aws:sqs:::", "aws:arn:sqs:r:a:x", "arn::sqs:r:a:x"} {
		if arn, err := ParseARN(text); err == nil {
			t.Errorf("%q is %v", text, arn)
		}
	}
}

func FuzzARN(f *testing.F) {
	f.Add(AliasARN("shop", "fulfil"))
	f.Add(DeadLetterARN("orders", true))
	f.Fuzz(func(t *testing.T, text string) {
		arn, err := ParseARN(text)
		if err != nil {
			return
		}
		if arn.String() != text {
			t.Errorf("%q comes back as %q", text, arn)
		}
		if queue, ok := arn.Queue(); ok && queue.Name() != arn.Resource {
			t.Errorf("%q is the queue %q", text, queue.Name())
		}
	})
}
