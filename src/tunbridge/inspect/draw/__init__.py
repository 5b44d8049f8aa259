"""Pictures of a document. One scene (what to show), one layout (where), two pens: `text` and `svg`."""
