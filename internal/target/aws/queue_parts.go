package aws

// queueParts are the components of a queue.
type queueParts struct {
	deadLetters component
	queue       component
	consumer    component
}

func (i *inventory) addQueue() *queueParts {
	p := &queueParts{deadLetters: &nothing{"dead_letters"}, queue: &nothing{"queue"}, consumer: &nothing{"consumer"}}
	i.add(p.deadLetters, nil)
	i.add(p.queue, nil, p.deadLetters)
	i.add(p.consumer, p.queue)
	for _, f := range i.functions {
		i.needMore(p.consumer, f.alias, f.policy, f.concurrency)
	}
	return p
}
