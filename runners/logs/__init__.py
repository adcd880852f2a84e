"""Reading a job's log: signs of failure, images, words that mean "try again", in one pass of bounded memory."""
