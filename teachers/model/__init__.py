"""Teachers that are language models: what they are asked, how they are talked to, what is made of
what they answer.

    requests       a request and its key; a response
    settings       what a run may choose about all of these
    answers        the schemas that answers must have
    prompts        versioned texts, and their hash

    windows        a long trace in pieces that overlap
    making         from a piece of a trajectory to a request
    cleaning       text of a model, fit to be stored and shown
    answering      any answer, read as what it was asked for, and repaired once
    written        from code in an answer to a function, from values to instances
    stated         whether a value stands in what it was taken from
    tested         the tests of a code task as a function's instances
    reading        from an answer to spans, with a reason for each that is none
    feeding        which instances feed the verified answer
    conversation   a trajectory in, all its windows asked, a segmentation out
    replaying      carry a routine out on an instance; judging: compare two results;
    normalising    a subquestion to a shape

    address        what `--teacher` says: a server and a model, or a model to be served here
    client         one request to a server, with retries; pace: how many at once
    cache          responses by the key of their request
    budget, prices what may be spent, and what it costs
    tally          what was spent, by stage and model
    served         vLLM, started here for a run; vllm_process: ended with it
    worker         what a worker process keeps of all this; flow: its event loop
    teacher        the teacher
"""
