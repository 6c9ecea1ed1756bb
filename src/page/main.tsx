// The page of `nbsvm web`: where it begins.
import { render } from 'preact'
import { App } from './app.js'
import { connectForGood } from './link/watch.js'

render(<App />, document.body)
void connectForGood()
