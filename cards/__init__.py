"""`make cards`: the cards in a real browser, with the official host side as the page around them."""
