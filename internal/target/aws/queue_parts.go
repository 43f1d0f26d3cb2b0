package aws

// queueParts are the components of a queue.
type queueParts struct {
	deadLetters *queue
	queue       *queue
	consumer    *consumer
}

// addQueue adds the components of a queue. The queue itself is first, for it shows
// whether it has dead letters.
func (i *inventory) addQueue() *queueParts {
	p := &queueParts{deadLetters: &queue{i: i, dead: true}, queue: &queue{i: i}, consumer: &consumer{i: i}}
	i.add(p.queue, nil, p.deadLetters)
	i.add(p.deadLetters, nil)
	i.add(p.consumer, nil, p.queue)
	for _, f := range i.functions {
		i.needMore(p.consumer, f.alias, f.policy, f.concurrency)
		// Lambda refuses a timeout that is longer than the queue hides a message.
		i.needMore(f.function, p.queue)
	}
	return p
}

// queueKinds are the kinds of queue to look for, by whether they are FIFO.
func (i *inventory) queueKinds() []bool {
	if len(i.fifo) == 0 {
		return []bool{false, true}
	}
	var kinds []bool
	for _, fifo := range []bool{false, true} {
		if i.fifo[fifo] {
			kinds = append(kinds, fifo)
		}
	}
	return kinds
}
