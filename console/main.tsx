import { render } from 'preact';
import { App } from './app.tsx';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/page.css';
import './style/stores.css';
import './style/dialog.css';
import './style/search.css';

render(<App />, document.getElementById('console')!);
