"""Where chance comes from: words, normals and minibatches, one stream for each walker."""
