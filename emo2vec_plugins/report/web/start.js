// Put the page together, once all parts are there.

startStyle();
startSound();
startVisits();
startLanes();
startOverview();
startCurves();
startDetails();
startTable();
startSummary();
startKeys();
