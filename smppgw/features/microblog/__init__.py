"""A microblog by SMS: people sign up, post, follow and write to each other by text."""
