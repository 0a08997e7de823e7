"""The process that carries no call: it opens the sockets, and sees to it that workers live."""
